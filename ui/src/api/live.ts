/** The live feed: one EventSource that resumes by itself, and a watch that says when it has gone silent. */

export const SILENT_MS = 5_000;
const RETRY_MS = 2_000;
const DEAD_MS = 15_000;

export interface LiveHandlers {
  snapshot: (data: unknown) => void;
  delta: (data: unknown) => void;
  alarm: (data: unknown) => void;
  heartbeat: (data: unknown) => void;
  /** Called when the feed goes silent and when it is heard again. */
  silent: (silent: boolean, lastHeardMs: number) => void;
}

export interface LiveSource {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
  readonly readyState: number;
}

/** A moment by two clocks: that of the wall may be set back, the steady one may sleep with the machine. */
export interface Moment {
  wallMs: number;
  steadyMs: number;
}

const CLOSED = 2;

export class LiveFeed {
  private source: LiveSource | null = null;
  private heardAt: Moment;
  /** Up to where this page was told; a source that is opened anew says it, as the browser does by itself. */
  private lastId = "";
  private isSilent = false;
  private retryAtMs = 0;

  constructor(
    private readonly open: (lastId: string) => LiveSource,
    private readonly handlers: LiveHandlers,
    private readonly now: () => Moment,
  ) {
    this.heardAt = now();
  }

  start(): void {
    this.source?.close();
    const source = this.open(this.lastId);
    this.source = source;
    for (const type of ["snapshot", "delta", "alarm", "heartbeat"] as const)
      source.addEventListener(type, (event) => {
        // Others come without anybody having looked whether all was read: only these two say that what is shown is live.
        if (type === "snapshot" || type === "heartbeat") this.heard();
        this.lastId = event.lastEventId || this.lastId;
        this.handlers[type](event.data ? JSON.parse(event.data) : null);
      });
  }

  /** To be called about once a second: tells silence, and opens anew a source that gave up. */
  watch(): void {
    const now = this.now();
    const { wallMs, steadyMs } = this.heardAt;
    if (!this.isSilent && Math.max(now.wallMs - wallMs, now.steadyMs - steadyMs) > SILENT_MS) {
      this.isSilent = true;
      this.handlers.silent(true, wallMs);
    }
    // A line that is dead at one end only is open for minutes, and says nothing.
    const isDead = this.isSilent && now.steadyMs - steadyMs > DEAD_MS;
    if (this.source && (this.source.readyState === CLOSED || isDead) && now.steadyMs >= this.retryAtMs) {
      this.retryAtMs = now.steadyMs + (isDead ? DEAD_MS : RETRY_MS);
      this.start();
    }
  }

  stop(): void {
    this.source?.close();
    this.source = null;
  }

  private heard(): void {
    this.heardAt = this.now();
    if (!this.isSilent) return;
    this.isSilent = false;
    this.handlers.silent(false, this.heardAt.wallMs);
  }
}
