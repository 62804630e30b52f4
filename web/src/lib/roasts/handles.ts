/** The handles of events above a chart: in rows, so that none covers another. Pure. */

/** The kinds of events that a person can move, mark and remove. */
export const MOVABLE = [
  'charge',
  'dry_end',
  'first_crack',
  'first_crack_end',
  'second_crack',
  'drop',
  'cool_end',
] as const;

export function isMovable(kind: string): boolean {
  return (MOVABLE as readonly string[]).includes(kind);
}

export interface Placed {
  row: number;
  left: number;
}

/** Rows of handles with these centres and widths, in pixels; each stays inside the chart. */
export function rowsOf(
  handles: readonly { centre: number; width: number }[],
  chartWidth: number,
): Placed[] {
  const ends: number[] = [];
  const order = handles.map((_, index) => index);
  order.sort((a, b) => (handles[a]?.centre ?? 0) - (handles[b]?.centre ?? 0));
  const found = new Array<Placed>(handles.length);
  for (const index of order) {
    const { centre, width } = handles[index] ?? { centre: 0, width: 0 };
    const left = Math.max(0, Math.min(centre - width / 2, chartWidth - width));
    let row = ends.findIndex((end) => end + 4 <= left);
    if (row < 0) row = ends.length;
    ends[row] = left + width;
    found[index] = { row, left };
  }
  return found;
}
