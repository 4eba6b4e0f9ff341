/** Two short tones every two seconds until stopped. */

const EVERY_MS = 2_000;
const TONES = [880, 660];

export class AlarmSound {
  private context: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;

  /** Starts the tones; returns false where the browser lets nothing sound before a click. */
  start(): boolean {
    if (typeof AudioContext === "undefined") return false;
    this.context ??= new AudioContext();
    if (this.timer === null) {
      this.timer = setInterval(() => this.beep(), EVERY_MS);
      this.beep();
    }
    return this.context.state === "running";
  }

  async unlock(): Promise<void> {
    if (typeof AudioContext === "undefined") return;
    this.context ??= new AudioContext();
    await this.context.resume();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private beep(): void {
    const context = this.context;
    if (context?.state !== "running") return;
    TONES.forEach((frequency, index) => {
      const at = context.currentTime + index * 0.18;
      const tone = context.createOscillator();
      const volume = context.createGain();
      tone.frequency.value = frequency;
      volume.gain.setValueAtTime(0, at);
      volume.gain.linearRampToValueAtTime(0.12, at + 0.02);
      volume.gain.linearRampToValueAtTime(0, at + 0.16);
      tone.connect(volume).connect(context.destination);
      tone.start(at);
      tone.stop(at + 0.17);
    });
  }
}
