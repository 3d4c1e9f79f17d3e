/// <reference types="vitest/config" />
import tailwindcss from '@tailwindcss/vite'
import react from '@vitejs/plugin-react'
import { writeFileSync } from 'node:fs'
import { defineConfig, type Plugin } from 'vite'

/** Vite empties dist before it writes; the committed .gitkeep lets the Go package compile before the first build. */
const keepDist: Plugin = {
  name: 'keep-dist',
  apply: 'build',
  closeBundle: () => writeFileSync(new URL('dist/.gitkeep', import.meta.url), ''),
}

export default defineConfig({
  plugins: [react(), tailwindcss(), keepDist],
  server: { proxy: { '/api': process.env.FAULTLINE_URL ?? 'http://127.0.0.1:8080' } },
  build: { target: 'es2022', sourcemap: false, chunkSizeWarningLimit: 2000 },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], setupFiles: ['src/test/setup.ts'] },
})
