/** The chart of recorded roasts: one with all its curves, or several aligned at their zeros. */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, difference, temperature } from '../format';
import type { Unit } from '../preferences.svelte';
import { joined, type Line } from '../roasts/curves';

export interface ChartLine {
  label: string;
  scale: 'temperature' | 'rate' | 'percent';
  /** A color, or the name of a custom property such as `--bean`. */
  color: string;
  width: number;
  dash?: number[];
  line: Line;
}

export interface ChartMark {
  atS: number;
  /** A color, or the name of a custom property. */
  color: string;
  strong: boolean;
}

export interface RecordedLook {
  unit: Unit;
  height: number;
  fromS: number;
  toS: number;
  /** What a pointer over the chart is at, in seconds; null: it left. */
  onCursor: (atS: number | null) => void;
  /** A tap. */
  onPick: (atS: number) => void;
  /** The chart was laid out anew: `xOf` has changed. */
  onLayout: () => void;
}

const HOTTEST_C = 260;
const STEEPEST_C = 30;
const POP_PX = 10;

export class RecordedChart {
  private readonly plot: uPlot;
  private marks: readonly ChartMark[] = [];
  private pops: readonly (readonly [number, number])[] = [];
  private window: { fromS: number; toS: number } | null = null;
  private readonly watching: ResizeObserver;

  constructor(
    private readonly place: HTMLElement,
    lines: readonly ChartLine[],
    private readonly look: RecordedLook,
  ) {
    this.plot = new uPlot(this.options(lines), this.dataOf(lines), place);
    this.watching = new ResizeObserver(() => {
      this.plot.setSize({ width: place.clientWidth, height: look.height });
      look.onLayout();
    });
    this.watching.observe(place);
    this.plot.over.addEventListener('click', (event) => {
      look.onPick(this.plot.posToVal(event.offsetX, 'x'));
    });
  }

  /** What lies over the curves. */
  show(
    marks: readonly ChartMark[],
    pops: readonly (readonly [number, number])[] = [],
    window: { fromS: number; toS: number } | null = null,
  ): void {
    this.marks = marks;
    this.pops = pops;
    this.window = window;
    this.plot.redraw(false);
  }

  /** Pixels from the left of the place. */
  xOf(atS: number): number {
    return this.left + this.plot.valToPos(atS, 'x');
  }

  /** Seconds at pixels from the left of the place. */
  secondsAt(x: number): number {
    return this.plot.posToVal(x - this.left, 'x');
  }

  destroy(): void {
    this.watching.disconnect();
    this.plot.destroy();
  }

  private get left(): number {
    return this.plot.bbox.left / devicePixelRatio;
  }

  private dataOf(lines: readonly ChartLine[]): uPlot.AlignedData {
    const { unit } = this.look;
    const by = { temperature, rate: difference, percent: (value: number) => value };
    const converted = lines.map(({ scale, line }) => ({
      atS: line.atS,
      values: line.values.map((value) => (value === null ? null : by[scale](value, unit))),
    }));
    return joined(converted) as uPlot.AlignedData;
  }

  private color(name: string): string {
    return name.startsWith('--')
      ? getComputedStyle(this.place).getPropertyValue(name).trim()
      : name;
  }

  private options(lines: readonly ChartLine[]): uPlot.Options {
    const { unit, look } = { unit: this.look.unit, look: this.look };
    const font = `12px ${getComputedStyle(this.place).fontFamily}`;
    const grid = { stroke: this.color('--grid'), width: 1 };
    const axis = { stroke: this.color('--muted'), font, grid, ticks: { show: false }, gap: 6 };
    const hasRate = lines.some((line) => line.scale === 'rate');
    return {
      width: this.place.clientWidth,
      height: look.height,
      padding: [8, hasRate ? 0 : 10, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: false, y: false, setScale: false },
      },
      scales: {
        x: { time: false, range: () => [look.fromS, look.toS] },
        temperature: { range: [temperature(0, unit), temperature(HOTTEST_C, unit)] },
        rate: { range: [0, difference(STEEPEST_C, unit)] },
        percent: { range: [0, 400] }, // the lowest quarter of the chart
      },
      axes: [
        {
          ...axis,
          values: (_plot, ticks) => ticks.map((at) => clock(at)),
          incrs: [60, 120, 300, 600],
          space: 48,
          size: 26,
        },
        { ...axis, scale: 'temperature', size: 36, space: 34 },
        {
          ...axis,
          show: hasRate,
          scale: 'rate',
          side: 1,
          incrs: [5, 10, 20],
          size: 30,
          space: 34,
          stroke: this.color('--rate'),
          grid: { show: false },
        },
      ],
      series: [
        {},
        ...lines.map(({ label, scale, color, width, dash }) => ({
          label,
          scale,
          stroke: this.color(color),
          width,
          points: { show: false },
          spanGaps: false,
          ...(dash === undefined ? {} : { dash }),
        })),
      ],
      hooks: {
        drawAxes: [(plot) => this.drawUnder(plot)],
        draw: [(plot) => this.drawMarks(plot)],
        setCursor: [
          ({ cursor }) => {
            const { left } = cursor;
            look.onCursor(
              left === undefined || left === null || left < 0
                ? null
                : this.plot.posToVal(left, 'x'),
            );
          },
        ],
      },
    };
  }

  private drawUnder(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (this.window !== null) {
      const from = plot.valToPos(this.window.fromS, 'x', true);
      const to = plot.valToPos(this.window.toS, 'x', true);
      ctx.fillStyle = this.color('--accent-soft');
      ctx.fillRect(from, bbox.top, Math.max(3 * ratio, to - from), bbox.height);
    }
    ctx.fillStyle = this.color('--pop');
    for (const [at, probability] of this.pops) {
      ctx.globalAlpha = 0.25 + 0.75 * probability;
      const height = POP_PX * ratio;
      const x = plot.valToPos(at, 'x', true);
      ctx.fillRect(x, bbox.top + bbox.height - height, Math.max(1, ratio), height);
    }
    ctx.restore();
  }

  private drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const { atS, color, strong } of this.marks) {
      const x = Math.round(plot.valToPos(atS, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.strokeStyle = this.color(color);
      ctx.lineWidth = (strong ? 2 : 1) * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}
