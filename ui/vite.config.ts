import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The page, built into what the agent serves. All paths are relative, so that it also works behind a proxy's path. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  build: {
    outDir: '../dist/ui',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
  },
});
