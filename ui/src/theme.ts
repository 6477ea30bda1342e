import { createTheme } from '@mantine/core';

/** The system's own fonts: the page asks no other host for anything. */
export const theme = createTheme({
  primaryColor: 'blue',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  defaultRadius: 'md',
});

/** How well something is. */
export const LEVEL_COLORS = { good: 'teal', warning: 'yellow', bad: 'red' } as const;

/** One colour for each kind of NAT, in every picture. */
export const KIND_COLORS: Readonly<Record<string, string>> = {
  service: '#228be6',
  pod: '#12b886',
  egress: '#fab005',
  other: '#868e96',
};
