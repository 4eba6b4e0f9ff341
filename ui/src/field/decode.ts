/** The decoder for browsers without one: ZXing, plain JavaScript, in a chunk of its own. */

import {
  BarcodeFormat,
  BinaryBitmap,
  DecodeHintType,
  HybridBinarizer,
  MultiFormatReader,
  RGBLuminanceSource,
} from "@zxing/library";

const reader = new MultiFormatReader();
const wanted = [
  ...[BarcodeFormat.QR_CODE, BarcodeFormat.CODE_128, BarcodeFormat.CODE_39],
  ...[BarcodeFormat.EAN_13, BarcodeFormat.DATA_MATRIX],
];
reader.setHints(new Map<DecodeHintType, unknown>([[DecodeHintType.POSSIBLE_FORMATS, wanted]]));

/** The text of a code in a picture; null where there is none. */
export function read({ data, width, height }: Pick<ImageData, "data" | "width" | "height">): string | null {
  const grey = new Uint8ClampedArray(width * height);
  for (let at = 0; at < grey.length; at++)
    grey[at] = (data[at * 4]! * 306 + data[at * 4 + 1]! * 601 + data[at * 4 + 2]! * 117) >> 10;
  try {
    return reader
      .decodeWithState(new BinaryBitmap(new HybridBinarizer(new RGBLuminanceSource(grey, width, height))))
      .getText();
  } catch {
    return null; // a picture without a code is the usual case
  }
}
