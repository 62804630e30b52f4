/** Log lines as the server keeps them: UTC time, level, text. */

export interface LogLine {
  at: string | null;
  text: string;
  bad: boolean;
}

export function logLine(raw: string): LogLine {
  const found = /^(\S+Z) (\w+) ([\s\S]*)$/.exec(raw);
  if (found === null) return { at: null, text: raw, bad: false };
  const [, at = '', level = '', text = ''] = found;
  return { at, text, bad: level !== 'INFO' && level !== 'DEBUG' };
}
