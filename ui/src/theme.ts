import { createTheme } from '@mantine/core';

/** System fonts: the page loads nothing from other hosts. */
export const theme = createTheme({
  primaryColor: 'blue',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  defaultRadius: 'md',
});

export const LEVEL_COLORS = { good: 'teal', warning: 'yellow', bad: 'red' } as const;

/** The colour of each kind of NAT, in every chart. */
export const KIND_COLORS: Readonly<Record<string, string>> = {
  service: '#228be6',
  pod: '#12b886',
  egress: '#fab005',
  other: '#868e96',
};
