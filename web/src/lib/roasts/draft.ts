/** A correction of an event that is not saved yet. */
export interface Draft {
  kind: string;
  /** Its name, as the page shows it. */
  label: string;
  atS: number;
}
