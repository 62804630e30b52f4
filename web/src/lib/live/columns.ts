/** Binary frames of the spectrogram: the band levels that the detector sees. */

export interface Columns {
  /** Index of the station, in the order of the snapshot's keys. */
  station: number;
  bands: number;
  /** UTC seconds of the first column. */
  fromS: number;
  columnS: number;
  /** Column after column, each from the lowest band to the highest; 0 is -100 dB, 255 is 0 dB. */
  levels: Uint8Array;
}

const HEAD = 16;
const KIND = 1;

/** The columns of a frame; null if it is of another kind or malformed. */
export function columnsOf(frame: ArrayBuffer): Columns | null {
  if (frame.byteLength < HEAD) return null;
  const view = new DataView(frame);
  const bands = view.getUint8(1);
  const columnS = view.getFloat32(12, true);
  if (view.getUint8(0) !== KIND || bands === 0 || !(columnS > 0)) return null;
  const levels = new Uint8Array(frame, HEAD);
  if (levels.length % bands !== 0) return null;
  return {
    station: view.getUint16(2, true),
    bands,
    fromS: view.getFloat64(4, true),
    columnS,
    levels,
  };
}
