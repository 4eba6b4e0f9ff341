/** The live feed: one EventSource that resumes by itself, and a watch that says when it has gone silent. */

export const SILENT_MS = 5_000;
const RETRY_MS = 2_000;

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

const CLOSED = 2;

export class LiveFeed {
  private source: LiveSource | null = null;
  private lastHeardMs: number;
  private isSilent = false;
  private retryAtMs = 0;

  constructor(
    private readonly open: () => LiveSource,
    private readonly handlers: LiveHandlers,
    private readonly now: () => number,
  ) {
    this.lastHeardMs = now();
  }

  start(): void {
    this.source?.close();
    const source = this.open();
    this.source = source;
    for (const type of ["snapshot", "delta", "alarm", "heartbeat"] as const)
      source.addEventListener(type, (event) => {
        this.heard();
        this.handlers[type](event.data ? JSON.parse(event.data) : null);
      });
  }

  /** To be called about once a second: tells silence, and opens anew a source that gave up. */
  watch(): void {
    const now = this.now();
    if (!this.isSilent && now - this.lastHeardMs > SILENT_MS) {
      this.isSilent = true;
      this.handlers.silent(true, this.lastHeardMs);
    }
    if (this.source && this.source.readyState === CLOSED && now >= this.retryAtMs) {
      this.retryAtMs = now + RETRY_MS;
      this.start();
    }
  }

  stop(): void {
    this.source?.close();
    this.source = null;
  }

  private heard(): void {
    this.lastHeardMs = this.now();
    if (!this.isSilent) return;
    this.isSilent = false;
    this.handlers.silent(false, this.lastHeardMs);
  }
}
