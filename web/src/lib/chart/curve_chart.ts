/** The chart of a roast: uPlot with fixed scales, lines for events and ticks for pops. */

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, difference, temperature } from '../format';
import type { Unit } from '../preferences.svelte';

/** The columns of a curve, in the order of its ring. */
export const COLUMNS = [
  'elapsed',
  'bean_temperature',
  'environment_temperature',
  'rate_of_rise',
  'heater',
  'fan',
] as const;
export type Column = (typeof COLUMNS)[number];

export interface Mark {
  /** Seconds since charge. */
  atS: number;
  label: string;
  kind: string;
}

export interface Look {
  unit: Unit;
  language: string;
  height: number;
  labels: Record<Column, string>;
}

const PER_SECOND = 4;
const STEP_S = 120;
const SHORTEST_S = 600;
const HOTTEST_C = 260;
const STEEPEST_C = 30;

export class CurveChart {
  private plot: uPlot;
  private marks: readonly Mark[] = [];
  private pops: readonly number[] = [];
  private compared: readonly (readonly [number, number])[] = [];
  private data: uPlot.AlignedData = [[], [], [], [], [], []];
  private endS = SHORTEST_S;
  private drawnAt = 0;
  private due: ReturnType<typeof setTimeout> | undefined;
  private readonly watching: ResizeObserver;

  constructor(
    private readonly place: HTMLElement,
    private readonly look: Look,
  ) {
    this.plot = new uPlot(this.options(), this.data, place);
    this.watching = new ResizeObserver(() => {
      this.plot.setSize({ width: place.clientWidth, height: this.look.height });
    });
    this.watching.observe(place);
  }

  /** Show these, at most four times a second. */
  show(columns: (number | null)[][], marks: readonly Mark[], pops: readonly number[]): void {
    const { unit } = this.look;
    const convert = (values: (number | null)[] | undefined, by: typeof temperature) =>
      (values ?? []).map((value) => (value === null ? null : by(value, unit)));
    this.data = [
      columns[0] ?? [],
      convert(columns[1], temperature),
      convert(columns[2], temperature),
      convert(columns[3], difference),
      columns[4] ?? [],
      columns[5] ?? [],
    ] as uPlot.AlignedData;
    this.marks = marks;
    this.pops = pops;
    const last = columns[0]?.at(-1) ?? 0;
    this.endS = Math.max(SHORTEST_S, Math.ceil((last + 30) / STEP_S) * STEP_S);
    if (this.due !== undefined) return;
    const waitMs = Math.max(0, this.drawnAt + 1000 / PER_SECOND - performance.now());
    this.due = setTimeout(() => {
      this.due = undefined;
      this.drawnAt = performance.now();
      this.plot.setData(this.data);
    }, waitMs);
  }

  /** What lies faintly behind the beans: seconds since charge, °C. */
  compare(points: readonly (readonly [number, number])[]): void {
    this.compared = points;
    this.plot.redraw(false);
  }

  destroy(): void {
    clearTimeout(this.due);
    this.watching.disconnect();
    this.plot.destroy();
  }

  private options(): uPlot.Options {
    const style = getComputedStyle(this.place);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const { unit, labels } = this.look;
    const grid = { stroke: color('--grid'), width: 1 };
    const font = `12px ${style.fontFamily}`;
    const axis = { stroke: color('--muted'), font, grid, ticks: { show: false }, gap: 6 };
    const line = (
      column: Column,
      scale: string,
      stroke: string,
      width: number,
      dash?: number[],
    ) => ({
      label: labels[column],
      scale,
      stroke: color(stroke),
      width,
      points: { show: false },
      ...(dash === undefined ? {} : { dash }),
    });
    return {
      width: this.place.clientWidth,
      height: this.look.height,
      padding: [18, 0, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: () => [0, this.endS] },
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
          scale: 'rate',
          side: 1,
          size: 30,
          space: 34,
          stroke: color('--rate'),
          grid: { show: false },
        },
      ],
      series: [
        {},
        line('bean_temperature', 'temperature', '--bean', 3),
        line('environment_temperature', 'temperature', '--air', 1.5),
        line('rate_of_rise', 'rate', '--rate', 2),
        line('heater', 'percent', '--heater', 1.5),
        line('fan', 'percent', '--fan', 1.5, [4, 3]),
      ],
      hooks: {
        drawAxes: [(plot) => this.drawCompared(plot), (plot) => this.drawPops(plot)],
        draw: [(plot) => this.drawMarks(plot)],
      },
    };
  }

  private drawCompared(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.beginPath();
    for (const [at, celsius] of this.compared) {
      const y = plot.valToPos(temperature(celsius, this.look.unit), 'temperature', true);
      ctx.lineTo(plot.valToPos(at, 'x', true), y);
    }
    ctx.strokeStyle = getComputedStyle(this.place).getPropertyValue('--compared');
    ctx.lineWidth = 2 * ratio;
    ctx.setLineDash([7 * ratio, 5 * ratio]);
    ctx.stroke();
    ctx.restore();
  }

  private drawPops(plot: uPlot): void {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.fillStyle = getComputedStyle(this.place).getPropertyValue('--pop');
    const width = Math.max(1, devicePixelRatio);
    for (const at of this.pops) {
      const x = plot.valToPos(at, 'x', true);
      if (x >= bbox.left && x <= bbox.left + bbox.width) {
        ctx.fillRect(
          x,
          bbox.top + bbox.height - 10 * devicePixelRatio,
          width,
          10 * devicePixelRatio,
        );
      }
    }
    ctx.restore();
  }

  private drawMarks(plot: uPlot): void {
    const { ctx, bbox } = plot;
    const style = getComputedStyle(this.place);
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.font = `600 ${11 * ratio}px ${style.fontFamily}`;
    ctx.textBaseline = 'bottom';
    let free = 0;
    for (const mark of this.marks) {
      const x = Math.round(plot.valToPos(mark.atS, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const isCrack = mark.kind === 'first_crack' || mark.kind === 'second_crack';
      ctx.strokeStyle = style.getPropertyValue(isCrack ? '--crack' : '--mark');
      ctx.fillStyle = style.getPropertyValue(isCrack ? '--crack' : '--muted');
      ctx.lineWidth = (isCrack ? 2 : 1) * ratio;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const width = ctx.measureText(mark.label).width;
      const left = Math.min(x + 3 * ratio, bbox.left + bbox.width - width);
      if (left < free) continue; // a label never covers another
      ctx.fillText(mark.label, left, bbox.top - 2 * ratio);
      free = left + width + 6 * ratio;
    }
    ctx.restore();
  }
}
