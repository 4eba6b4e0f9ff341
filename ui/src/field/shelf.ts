/** Where a phone keeps what waits to be sent, and its last list: IndexedDB, or memory where the browser has none. */

import type { Command } from "./command";

export interface Shelf {
  list(): Promise<Command[]>;
  put(command: Command): Promise<void>;
  remove(id: string): Promise<void>;
  read<T>(name: string): Promise<T | null>;
  write(name: string, value: unknown): Promise<void>;
  /** Whether it outlives a reload. */
  readonly lasting: boolean;
}

const NAME = "hubtwin-field";
const QUEUE = "queue";
const KEPT = "kept";

export class MemoryShelf implements Shelf {
  readonly lasting = false;
  private readonly queue = new Map<string, Command>();
  private readonly kept = new Map<string, unknown>();

  async list(): Promise<Command[]> {
    return [...this.queue.values()];
  }
  async put(command: Command): Promise<void> {
    this.queue.set(command.id, structuredClone(command));
  }
  async remove(id: string): Promise<void> {
    this.queue.delete(id);
  }
  async read<T>(name: string): Promise<T | null> {
    return (this.kept.get(name) as T | undefined) ?? null;
  }
  async write(name: string, value: unknown): Promise<void> {
    if (value === null) this.kept.delete(name);
    else this.kept.set(name, structuredClone(value));
  }
}

type Ask<T> = (store: IDBObjectStore) => { readonly result: T };

class DatabaseShelf implements Shelf {
  readonly lasting = true;
  constructor(
    private database: IDBDatabase,
    private readonly open: () => Promise<IDBDatabase>,
  ) {}

  list(): Promise<Command[]> {
    return this.run(QUEUE, "readonly", (store) => store.getAll() as IDBRequest<Command[]>);
  }
  async put(command: Command): Promise<void> {
    await this.run(QUEUE, "readwrite", (store) => store.put(command));
  }
  async remove(id: string): Promise<void> {
    await this.run(QUEUE, "readwrite", (store) => store.delete(id));
  }
  async read<T>(name: string): Promise<T | null> {
    return (await this.run(KEPT, "readonly", (store) => store.get(name) as IDBRequest<T | undefined>)) ?? null;
  }
  async write(name: string, value: unknown): Promise<void> {
    await this.run<unknown>(KEPT, "readwrite", (store) =>
      value === null ? store.delete(name) : store.put(value, name),
    );
  }

  /** A browser closes the database of a page in the background: it is opened again, once. */
  private async run<T>(name: string, mode: IDBTransactionMode, ask: Ask<T>): Promise<T> {
    try {
      return await this.once(name, mode, ask);
    } catch (error) {
      if ((error as DOMException | null)?.name === "QuotaExceededError") throw error;
      this.database = await this.open();
      return this.once(name, mode, ask);
    }
  }

  /** Done when the transaction is: what was put is on the disk then, whatever becomes of the page. */
  private once<T>(name: string, mode: IDBTransactionMode, ask: Ask<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const transaction = this.database.transaction(name, mode, { durability: "strict" });
      const request = ask(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
    });
  }
}

/** Opens the shelf; a page that is not private to this host, or a browser that keeps nothing, has one in memory. */
export async function openShelf(): Promise<Shelf> {
  if (typeof indexedDB === "undefined" || !globalThis.isSecureContext) return new MemoryShelf();
  const open = (): Promise<IDBDatabase> =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(QUEUE, { keyPath: "id" });
        request.result.createObjectStore(KEPT);
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error("no database"));
    });
  try {
    return new DatabaseShelf(await open(), open);
  } catch {
    return new MemoryShelf();
  }
}
