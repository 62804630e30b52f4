import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

/** Bytes that a browser loads, compressed with gzip, before the page shows anything. */
const FIRST_LOAD = 200_000;
const TEXT = /\.(html|js|css|svg|webmanifest)$/;

/** Compress every text file of the page once, and hold the size of the first load. */
export function finish(): Plugin {
  let folder = '';
  return {
    name: 'roastwatch-finish',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    closeBundle() {
      const sizes = new Map<string, number>();
      for (const name of filesIn(folder)) {
        const bytes = readFileSync(join(folder, name));
        sizes.set(name, bytes.length);
        if (!TEXT.test(name)) continue;
        const gzip = gzipSync(bytes, { level: 9 });
        const brotli = brotliCompressSync(bytes, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 11 },
        });
        writeFileSync(join(folder, `${name}.gz`), gzip);
        writeFileSync(join(folder, `${name}.br`), brotli);
        sizes.set(name, gzip.length);
      }
      const index = readFileSync(join(folder, 'index.html'), 'utf8');
      const first = [
        'index.html',
        ...[...sizes.keys()].filter((name) => index.includes(`"./${name}"`)),
      ];
      const total = first.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
      const report = `First load: ${(total / 1000).toFixed(1)} kB of ${FIRST_LOAD / 1000} kB (gzip)`;
      if (total > FIRST_LOAD) throw new Error(`${report}: ${first.join(', ')}`);
      console.log(report);
    },
  };
}

function filesIn(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below)).flatMap((name) => {
    const path = below ? `${below}/${name}` : name;
    return statSync(join(folder, path)).isDirectory() ? filesIn(folder, path) : [path];
  });
}
