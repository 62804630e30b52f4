/** Rows of numbers in fixed memory, a typed array a column; the oldest row makes room. */
export class Ring {
  private readonly columns: Float64Array[];
  private from = 0;
  private held = 0;

  constructor(
    width: number,
    private readonly size: number,
  ) {
    this.columns = Array.from({ length: width }, () => new Float64Array(size));
  }

  get length(): number {
    return this.held;
  }

  clear(): void {
    this.from = 0;
    this.held = 0;
  }

  /** Add a row, unknown values as null. A row whose first value is not after the last replaces it. */
  push(row: readonly (number | null)[]): void {
    const x = row[0] ?? Number.NaN;
    if (Number.isNaN(x)) return;
    while (this.held > 0 && this.at(0, this.held - 1) >= x) this.held -= 1;
    if (this.held === this.size) {
      this.from = (this.from + 1) % this.size;
      this.held -= 1;
    }
    const place = (this.from + this.held) % this.size;
    this.columns.forEach((column, index) => {
      column[place] = row[index] ?? Number.NaN;
    });
    this.held += 1;
  }

  at(column: number, index: number): number {
    return this.columns[column]?.[(this.from + index) % this.size] ?? Number.NaN;
  }

  /** The columns for uPlot: oldest first, null where unknown. */
  rows(): (number | null)[][] {
    return this.columns.map((_, column) =>
      Array.from({ length: this.held }, (_unused, index) => {
        const value = this.at(column, index);
        return Number.isNaN(value) ? null : value;
      }),
    );
  }
}
