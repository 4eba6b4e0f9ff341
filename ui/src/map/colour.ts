/** Colours of the page as the overlay takes them. */

export type Rgba = [number, number, number, number];

export function rgba(hex: string, alpha = 255): Rgba {
  const digits = hex.replace("#", "");
  const full = digits.length === 3 ? [...digits].map((one) => one + one).join("") : digits;
  const part = (at: number): number => Number.parseInt(full.slice(at, at + 2), 16) || 0;
  return [part(0), part(2), part(4), alpha];
}
