import { Card, Center, Group, Loader, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

export interface PanelProps {
  readonly title: string;
  /** One line below the title; a tooltip shows the rest. */
  readonly hint?: string;
  readonly right?: ReactNode;
  readonly error?: Error | null;
  /** No answer has arrived. */
  readonly isLoading?: boolean;
  /** Shown instead of missing content. */
  readonly empty?: string | null;
  readonly height?: number;
  readonly children: ReactNode;
}

/** A titled part of the screen: content, or why there is none. */
export function Panel({ title, hint, right, error, isLoading, empty, height = 260, children }: PanelProps) {
  return (
    <Card withBorder padding="sm" component="section" aria-label={title}>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb={4}>
        <div style={{ minWidth: 0 }}>
          <Title order={2} size="h5">
            {title}
          </Title>
          <Text size="xs" c="dimmed" truncate title={hint}>
            {hint}&nbsp;
          </Text>
        </div>
        {right}
      </Group>
      <div style={{ height, minHeight: 0 }}>
        <Content error={error ?? null} isLoading={isLoading ?? false} empty={empty ?? null}>
          {children}
        </Content>
      </div>
    </Card>
  );
}

function Content({
  error,
  isLoading,
  empty,
  children,
}: Required<Pick<PanelProps, 'error' | 'isLoading' | 'empty' | 'children'>>) {
  if (error) return <Note text={error.message} color="red" />;
  if (isLoading)
    return (
      <Center h="100%">
        <Loader size="sm" />
      </Center>
    );
  if (typeof empty === 'string') return <Note text={empty} color="dimmed" />;
  return children;
}

function Note({ text, color }: { text: string; color: string }) {
  return (
    <Center h="100%">
      <Text size="sm" c={color} ta="center" maw={420}>
        {text}
      </Text>
    </Center>
  );
}
