/** Makes a photo small enough to send, and leaves in it nothing but the picture: drawn anew, it has no place and no date. */

const SIDE = 1600;
const MOST = 1_500_000;
const QUALITIES = [0.82, 0.65, 0.5];

/** The size that fits into a square of `side`, never larger than it was. */
export function fitted(width: number, height: number, side = SIDE): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Raises an Error for a file that the browser cannot draw. */
export async function shrink(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const { width, height } = fitted(picture.width, picture.height);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.drawImage(picture, 0, 0, width, height);
  picture.close();
  for (const quality of QUALITIES) {
    const made = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (made?.type === "image/jpeg" && made.size <= MOST) return new Uint8Array(await made.arrayBuffer());
  }
  throw new Error("too large");
}
