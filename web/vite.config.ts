import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { finish } from './tools/finish.ts';

export default defineConfig({
  base: './', // relative addresses: the page works under any path prefix
  plugins: [svelte(), finish()],
  build: {
    target: ['chrome111', 'firefox114', 'safari16.4'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    chunkSizeWarningLimit: 200,
  },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8099', ws: true } } },
  test: { include: ['tests/**/*.test.ts'], isolate: false },
});
