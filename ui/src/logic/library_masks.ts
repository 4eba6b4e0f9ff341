/** Masks by name, some with figures: `keep_last_4`, `keep_ends_3_4`; as a word and its figures. */

const FIGURED = /^(keep_last|keep_first|keep_ends|bucket)_(\d+)(?:_(\d+))?$/;

export interface MaskParts {
  word: string;
  a: string;
  b: string;
}

export function maskParts(mask: string): MaskParts {
  const found = FIGURED.exec(mask);
  return found ? { word: found[1]!, a: found[2]!, b: found[3] ?? "" } : { word: mask, a: "", b: "" };
}
