/** A scrolling spectrogram: a canvas used as a ring, and pops as they came above it. */

import type { Columns } from '../live/columns';
import type { Pop } from '../live/messages';

const SHOWN_S = 30;
const POPS_HEIGHT = 22;
/** Of the levels of a frame, which count as background; and how fast that is followed. */
const BACKGROUND = 0.4;
const FOLLOWS = 0.03;
/** Levels from the background to the brightest colour: 45 dB. */
const SPAN = 115;

export class SpectrogramPainter {
  private readonly ring = document.createElement('canvas');
  private readonly palette = paletteOf();
  private bands = 0;
  private background = 0;
  private columnS = 0;
  private next = 0;
  private endS = 0;
  private pops: readonly Pop[] = [];
  private due = 0;
  private readonly watching: ResizeObserver;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.watching = new ResizeObserver(() => this.redraw());
    this.watching.observe(canvas);
  }

  /** New columns; those that do not follow the last begin a new picture. */
  add(columns: Columns): void {
    const { bands, columnS, fromS, levels } = columns;
    const count = levels.length / bands;
    const gapS = fromS - this.endS;
    if (bands !== this.bands || columnS !== this.columnS || gapS < -1 || gapS > SHOWN_S) {
      this.begin(bands, columnS);
    } else if (gapS > columnS) {
      this.skip(Math.round(gapS / columnS));
    }
    const drawing = this.ring.getContext('2d');
    if (drawing === null || count === 0) return;
    this.follow(levels);
    for (let column = 0; column < count; column += 1) {
      const image = drawing.createImageData(1, bands);
      for (let band = 0; band < bands; band += 1) {
        const level = levels[column * bands + band] ?? 0;
        const share = Math.min(1, Math.max(0, (level - this.background) / SPAN));
        const from = Math.round(share * 255) * 4;
        image.data.set(this.palette.subarray(from, from + 4), (bands - 1 - band) * 4);
      }
      drawing.putImageData(image, this.next, 0);
      this.next = (this.next + 1) % this.ring.width;
    }
    this.endS = fromS + count * columnS;
    this.redraw();
  }

  /** The pops, and the station's time where no columns come. */
  show(pops: readonly Pop[], nowS: number): void {
    this.pops = pops;
    if (this.bands === 0 || nowS - this.endS > SHOWN_S || this.endS - nowS > SHOWN_S) {
      this.bands = 0;
      this.endS = nowS;
    }
    this.redraw();
  }

  destroy(): void {
    cancelAnimationFrame(this.due);
    this.watching.disconnect();
  }

  /** The background of a drum changes slowly, and pops stand out from it in every room. */
  private follow(levels: Uint8Array): void {
    const sorted = levels.slice().sort();
    const now = (sorted[Math.floor(sorted.length * BACKGROUND)] ?? 0) - SPAN * 0.18;
    this.background = this.endS === 0 ? now : this.background + FOLLOWS * (now - this.background);
  }

  private begin(bands: number, columnS: number): void {
    this.bands = bands;
    this.columnS = columnS;
    this.ring.width = Math.ceil(SHOWN_S / columnS);
    this.ring.height = bands;
    this.next = 0;
    this.endS = 0;
  }

  private skip(columns: number): void {
    const drawing = this.ring.getContext('2d');
    for (let column = 0; column < Math.min(columns, this.ring.width); column += 1) {
      drawing?.clearRect(this.next, 0, 1, this.bands);
      this.next = (this.next + 1) % this.ring.width;
    }
  }

  private redraw(): void {
    cancelAnimationFrame(this.due);
    this.due = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    const { canvas } = this;
    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const drawing = canvas.getContext('2d');
    if (drawing === null) return;
    drawing.scale(ratio, ratio);
    const style = getComputedStyle(canvas);
    drawing.fillStyle = style.getPropertyValue('--spectrogram');
    drawing.fillRect(0, POPS_HEIGHT, width, height - POPS_HEIGHT);
    if (this.bands > 0) this.drawRing(drawing, width, height);
    drawing.fillStyle = style.getPropertyValue('--pop');
    drawing.strokeStyle = style.getPropertyValue('--pop');
    for (const pop of this.pops) {
      const ageS = this.endS - Date.parse(pop.at) / 1000;
      if (ageS < -1 || ageS > SHOWN_S) continue;
      const x = width * (1 - Math.max(0, ageS) / SHOWN_S);
      drawing.globalAlpha = 0.35 + 0.65 * pop.probability;
      drawing.beginPath();
      drawing.arc(x, POPS_HEIGHT / 2, 2 + 4 * pop.probability, 0, 2 * Math.PI);
      drawing.fill();
      drawing.globalAlpha = 0.25;
      drawing.fillRect(x - 0.5, POPS_HEIGHT, 1, height - POPS_HEIGHT);
    }
    drawing.globalAlpha = 1;
  }

  /** The newest column is at the right edge. */
  private drawRing(drawing: CanvasRenderingContext2D, width: number, height: number): void {
    const columns = this.ring.width;
    const each = width / columns;
    const below = height - POPS_HEIGHT;
    drawing.imageSmoothingEnabled = true;
    const older = columns - this.next;
    if (older > 0) {
      drawing.drawImage(
        this.ring,
        this.next,
        0,
        older,
        this.bands,
        0,
        POPS_HEIGHT,
        older * each,
        below,
      );
    }
    if (this.next > 0) {
      drawing.drawImage(
        this.ring,
        0,
        0,
        this.next,
        this.bands,
        older * each,
        POPS_HEIGHT,
        this.next * each,
        below,
      );
    }
  }
}

/** From dark brown over orange to pale yellow: equal steps look equal, and grey stays readable. */
const STOPS: readonly (readonly [number, number, number, number])[] = [
  [0, 20, 13, 12],
  [0.25, 74, 28, 36],
  [0.5, 160, 52, 36],
  [0.75, 234, 132, 44],
  [1, 255, 240, 190],
];

export function paletteOf(): Uint8ClampedArray {
  const palette = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level += 1) {
    const share = level / 255;
    const above = Math.max(
      1,
      STOPS.findIndex(([at]) => at >= share),
    );
    const [from, to] = [STOPS[above - 1] ?? STOPS[0], STOPS[above] ?? STOPS[0]];
    if (from === undefined || to === undefined) continue;
    const part = (share - from[0]) / (to[0] - from[0] || 1);
    for (const channel of [1, 2, 3] as const) {
      palette[level * 4 + channel - 1] = from[channel] + part * (to[channel] - from[channel]);
    }
    palette[level * 4 + 3] = 255;
  }
  return palette;
}
