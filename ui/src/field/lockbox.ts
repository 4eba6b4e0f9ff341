/** Locks what a person typed or took, so that it can lie on a phone: everybody may put in, only that person takes out.
 *
 * A pair of keys a person (ECDH, P-256). The public half lies on the phone, so that something can be locked with no
 * connection. The private half lies there wrapped under a secret that only the server has, and hands to the person who
 * is signed in: a phone that was lost, or that somebody else signed in on, opens nothing.
 */

import type { Locked } from "./command";
import type { Shelf } from "./shelf";

const CURVE: EcKeyGenParams = { name: "ECDH", namedCurve: "P-256" };
const IV = 12;

interface Pair {
  open: JsonWebKey;
  wrapped: ArrayBuffer;
}

export class Lockbox {
  private mine: CryptoKey | null = null;
  private theirs: CryptoKey | null = null;

  constructor(
    private readonly shelf: Shelf,
    readonly user: string,
  ) {}

  /** Whether what lies on the phone can be opened now. */
  get isOpen(): boolean {
    return this.mine !== null;
  }

  /** Makes or opens the pair under the secret of the server (base64). A pair that no longer opens is replaced. */
  async unlock(secret: string): Promise<void> {
    const wrapping = await crypto.subtle.importKey("raw", bytesOf(secret), "AES-GCM", false, ["wrapKey", "unwrapKey"]);
    const held = await this.shelf.read<Pair>(this.name);
    if (held) {
      try {
        this.mine = await crypto.subtle.unwrapKey(
          ...(["pkcs8", held.wrapped.slice(IV), wrapping] as const),
          ...([{ name: "AES-GCM", iv: held.wrapped.slice(0, IV) }, CURVE, true, ["deriveKey"]] as const),
        );
        this.theirs = await this.read(held.open);
        return;
      } catch {
        this.mine = null; // the hub has a new secret: what was locked before stays locked, and says so
      }
    }
    const made = await crypto.subtle.generateKey(CURVE, true, ["deriveKey"]);
    const iv = crypto.getRandomValues(new Uint8Array(IV));
    const wrapped = await crypto.subtle.wrapKey("pkcs8", made.privateKey, wrapping, { name: "AES-GCM", iv });
    await this.shelf.write(this.name, {
      open: await crypto.subtle.exportKey("jwk", made.publicKey),
      wrapped: await new Blob([iv, wrapped]).arrayBuffer(),
    } satisfies Pair);
    this.mine = made.privateKey;
    this.theirs = made.publicKey;
  }

  /** Locks some bytes; null where this phone never had a pair for this person. */
  async lock(content: Uint8Array<ArrayBuffer>): Promise<Locked | null> {
    const held = this.theirs ? null : await this.shelf.read<Pair>(this.name);
    if (held) this.theirs = await this.read(held.open);
    if (!this.theirs) return null;
    const once = await crypto.subtle.generateKey(CURVE, false, ["deriveKey"]);
    const iv = crypto.getRandomValues(new Uint8Array(IV));
    const key = await derive(once.privateKey, this.theirs);
    const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, content);
    return {
      box: await new Blob([iv, box]).arrayBuffer(),
      by: await crypto.subtle.exportKey("jwk", once.publicKey),
    };
  }

  /** Opens what this person locked; null where it does not open. */
  async open(locked: Locked): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!this.mine) return null;
    try {
      const key = await derive(this.mine, await this.read(locked.by));
      const [iv, box] = [locked.box.slice(0, IV), locked.box.slice(IV)];
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, box));
    } catch {
      return null;
    }
  }

  private get name(): string {
    return `keys ${this.user}`;
  }
  private read(key: JsonWebKey): Promise<CryptoKey> {
    return crypto.subtle.importKey("jwk", key, CURVE, true, []);
  }
}

function derive(mine: CryptoKey, theirs: CryptoKey): Promise<CryptoKey> {
  const use: KeyUsage[] = ["encrypt", "decrypt"];
  return crypto.subtle.deriveKey({ name: "ECDH", public: theirs }, mine, { name: "AES-GCM", length: 256 }, false, use);
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}
