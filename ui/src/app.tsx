import { Anchor, AppShell, Badge, Group, Text } from '@mantine/core';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { useSummary } from './api/queries.ts';
import { EntriesPage } from './pages/entries.tsx';
import { ExplainPage } from './pages/explain.tsx';
import { HistoryPage } from './pages/history.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { TracePage } from './pages/trace.tsx';
import { WhatIfPage } from './pages/what-if.tsx';
import { ColorSchemeButton } from './parts/color-scheme-button.tsx';
import { StateBadge } from './parts/state-badge.tsx';

const PAGES = [
  { path: '/', title: 'Overview' },
  { path: '/entries', title: 'Entries' },
  { path: '/explain', title: 'Explain' },
  { path: '/trace', title: 'Trace' },
  { path: '/history', title: 'History' },
  { path: '/what-if', title: 'What if' },
];

export function App() {
  return (
    <AppShell header={{ height: 52 }} padding="md">
      <AppShell.Header px="md">
        <Header />
      </AppShell.Header>
      <AppShell.Main>
        <Switch>
          <Route path="/" component={OverviewPage} />
          <Route path="/entries" component={EntriesPage} />
          <Route path="/explain" component={ExplainPage} />
          <Route path="/trace" component={TracePage} />
          <Route path="/history" component={HistoryPage} />
          <Route path="/what-if" component={WhatIfPage} />
          <Route>
            <Redirect to="/" />
          </Route>
        </Switch>
      </AppShell.Main>
    </AppShell>
  );
}

function Header() {
  const { data: status, error } = useSummary();
  const [here] = useLocation();
  return (
    <Group h="100%" justify="space-between" wrap="nowrap">
      <Group gap="lg" wrap="nowrap">
        <Text fw={700}>knat</Text>
        <Group component="nav" gap="md" wrap="nowrap">
          {PAGES.map(({ path, title }) => (
            <Anchor
              component={Link}
              href={path}
              key={path}
              {...(path === here ? { 'aria-current': 'page', fw: 600 } : { c: 'dimmed' })}
            >
              {title}
            </Anchor>
          ))}
        </Group>
      </Group>
      <Group gap="sm" wrap="nowrap">
        {status && (
          <Badge variant="default" tt="none" visibleFrom="sm">
            {status.node}
          </Badge>
        )}
        <StateBadge status={status} error={error} />
        <ColorSchemeButton />
      </Group>
    </Group>
  );
}
