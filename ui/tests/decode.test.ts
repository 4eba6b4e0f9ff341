import { BarcodeFormat, EncodeHintType, QRCodeWriter } from "@zxing/library";
import { expect, test } from "vitest";
import { read } from "../src/field/decode";

/** A code as a camera sees it: dark on light, with a margin. */
function picture(text: string, side = 200): { data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number } {
  const made = new QRCodeWriter().encode(
    text,
    BarcodeFormat.QR_CODE,
    side,
    side,
    new Map([[EncodeHintType.MARGIN, 4]]),
  );
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) if (made.get(x, y)) data.set([20, 24, 28, 255], (y * side + x) * 4);
  return { data, width: side, height: side };
}

test("the decoder of browsers without one reads a code, and says where there is none", () => {
  expect(read(picture("P-6-0042"))).toBe("P-6-0042");
  const blank = { data: new Uint8ClampedArray(100 * 100 * 4).fill(255), width: 100, height: 100 };
  expect(read(blank)).toBeNull();
});
