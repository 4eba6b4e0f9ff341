/** Reads codes from a camera: by the browser itself where it can, else by a decoder that is loaded when it is needed. */

export type Reader = (video: HTMLVideoElement) => Promise<string | null>;

interface Detector {
  detect(source: CanvasImageSource): Promise<{ rawValue: string }[]>;
}
interface DetectorKind {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

const FORMATS = ["qr_code", "code_128", "code_39", "ean_13", "data_matrix"];

export async function makeReader(): Promise<Reader> {
  const kind = (globalThis as { BarcodeDetector?: DetectorKind }).BarcodeDetector;
  const known = kind ? await kind.getSupportedFormats().catch(() => []) : [];
  const formats = FORMATS.filter((one) => known.includes(one));
  if (kind && formats.includes("qr_code")) {
    const detector = new kind({ formats });
    return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
  }
  const { read } = await import("./decode");
  return async (video) => {
    const image = still(video);
    return image && read(image);
  };
}

const WIDTH = 640;
let canvas: HTMLCanvasElement | null = null;

function still(video: HTMLVideoElement): ImageData | null {
  if (!video.videoWidth) return null;
  canvas ??= document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = Math.round((video.videoHeight / video.videoWidth) * WIDTH);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
