import { Button, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';

/** Follows the system until it is pressed. */
export function ColorSchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const isDark = useComputedColorScheme('light', { getInitialValueInEffect: false }) === 'dark';
  const other = isDark ? 'light' : 'dark';
  return (
    <Button
      size="compact-sm"
      variant="default"
      aria-label={`switch to ${other} colours`}
      onClick={() => setColorScheme(other)}
    >
      {isDark ? '☀' : '☾'}
    </Button>
  );
}
