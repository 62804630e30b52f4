/** A still spectrogram of some seconds of a recording, with the pops above it. */

import type { Columns } from '../live/columns';
import { paletteOf } from './spectrogram_painter';

/** Height of the strip above the picture that holds the pops. */
export const STRIP_PX = 30;

export interface Drawn {
  fromS: number;
  toS: number;
  columns: Columns | null;
  pops: readonly (readonly [number, number])[];
  labels: readonly { at_s: number; label: string | null }[];
  marks: readonly number[];
  /** A pop that is emphasised, such as the one to review. */
  chosenS: number | null;
  /** What is heard now. */
  playedS: number | null;
}

const palette = paletteOf();

export function paint(canvas: HTMLCanvasElement, drawn: Drawn): void {
  const ratio = devicePixelRatio;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  const drawing = canvas.getContext('2d');
  if (width === 0 || drawing === null) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  drawing.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const xOf = (atS: number) => ((atS - drawn.fromS) / (drawn.toS - drawn.fromS)) * width;
  drawing.fillStyle = color('--spectrogram');
  drawing.fillRect(0, STRIP_PX, width, height - STRIP_PX);
  if (drawn.columns !== null) {
    const picture = pictureOf(drawn.columns);
    if (picture !== null) {
      drawing.imageSmoothingEnabled = true;
      drawing.drawImage(picture, 0, STRIP_PX, width, height - STRIP_PX);
    }
  }
  drawing.fillStyle = '#ffffff';
  for (const at of drawn.marks) drawing.fillRect(xOf(at) - 1, STRIP_PX, 2, height - STRIP_PX);
  for (const [at, probability] of drawn.pops) {
    const x = xOf(at);
    if (x < -8 || x > width + 8) continue;
    const label = drawn.labels.find((one) => Math.abs(one.at_s - at) < 0.05)?.label ?? null;
    drawing.fillStyle = color(label === 'not_a_crack' ? '--muted' : '--pop');
    drawing.globalAlpha = 0.4 + 0.6 * probability;
    drawing.beginPath();
    drawing.arc(x, STRIP_PX / 2, 3 + 5 * probability, 0, 2 * Math.PI);
    drawing.fill();
    drawing.globalAlpha = 0.35;
    drawing.fillRect(x - 0.5, STRIP_PX, 1, height - STRIP_PX);
    drawing.globalAlpha = 1;
  }
  for (const { at_s, label } of drawn.labels) {
    if (label === null) continue;
    const x = xOf(at_s);
    drawing.strokeStyle = color(
      label === 'crack' ? '--good' : label === 'not_a_crack' ? '--bad' : '--muted',
    );
    drawing.lineWidth = 2.5;
    drawing.beginPath();
    drawing.arc(x, STRIP_PX / 2, 11, 0, 2 * Math.PI);
    drawing.stroke();
  }
  if (drawn.chosenS !== null) line(drawing, xOf(drawn.chosenS), height, color('--pop'), [5, 4]);
  if (drawn.playedS !== null) line(drawing, xOf(drawn.playedS), height, '#ffffff', []);
}

function line(
  drawing: CanvasRenderingContext2D,
  x: number,
  height: number,
  color: string,
  dash: number[],
): void {
  drawing.strokeStyle = color;
  drawing.lineWidth = 2;
  drawing.setLineDash(dash);
  drawing.beginPath();
  drawing.moveTo(x, STRIP_PX);
  drawing.lineTo(x, height);
  drawing.stroke();
  drawing.setLineDash([]);
}

let latest: { columns: Columns; picture: HTMLCanvasElement } | null = null;

function pictureOf(columns: Columns): HTMLCanvasElement | null {
  if (latest?.columns === columns) return latest.picture;
  const { bands, levels } = columns;
  const count = Math.floor(levels.length / bands);
  if (count === 0) return null;
  const picture = document.createElement('canvas');
  picture.width = count;
  picture.height = bands;
  const drawing = picture.getContext('2d');
  if (drawing === null) return null;
  const image = drawing.createImageData(count, bands);
  for (let column = 0; column < count; column += 1) {
    for (let band = 0; band < bands; band += 1) {
      const level = levels[column * bands + band] ?? 0;
      const pixel = ((bands - 1 - band) * count + column) * 4;
      image.data.set(palette.subarray(level * 4, level * 4 + 4), pixel);
    }
  }
  drawing.putImageData(image, 0, 0);
  latest = { columns, picture };
  return picture;
}
