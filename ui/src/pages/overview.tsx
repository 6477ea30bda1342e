import { Grid } from '@mantine/core';
import { useSummary } from '../api/queries.ts';
import { Bindings } from '../panels/bindings.tsx';
import { FlowTable } from '../panels/flow-table.tsx';
import { Numbers } from '../panels/numbers.tsx';
import { PoolMatrix } from '../panels/pool-matrix.tsx';
import { Ports } from '../panels/ports.tsx';
import { Recent } from '../panels/recent.tsx';
import { SyncLatency } from '../panels/sync-latency.tsx';
import { Traffic } from '../panels/traffic.tsx';

export function OverviewPage() {
  const { data: status } = useSummary();
  return (
    <>
      <Numbers status={status} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Traffic />
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Grid gap="md">
            <Grid.Col span={12}>
              <Bindings />
            </Grid.Col>
          </Grid>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6, xl: 3 }}>
          <PoolMatrix />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6, xl: 3 }}>
          <Ports />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6, xl: 3 }}>
          <SyncLatency />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6, xl: 3 }}>
          <Recent />
        </Grid.Col>
        <Grid.Col span={12}>
          <FlowTable />
        </Grid.Col>
      </Grid>
    </>
  );
}
