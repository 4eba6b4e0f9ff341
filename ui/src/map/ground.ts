/** Metres of the ground and pixels of the page. */

/** Metres of a pixel at the equator at zoom 0, with tiles of 512 pixels. */
const PIXEL_M = 78_271.517;
export const METRES_PER_DEGREE = 111_320;

export const metresOfPixel = (latitude: number, zoom: number): number =>
  (PIXEL_M * Math.cos((latitude * Math.PI) / 180)) / 2 ** zoom;

/** At which zoom a pixel is so many metres. */
export const zoomOfPixel = (latitude: number, metres: number): number => Math.log2(metresOfPixel(latitude, 0) / metres);
