import { useComputedColorScheme } from '@mantine/core';
import { HeatmapChart, LineChart, SankeyChart } from 'echarts/charts';
import { GridComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import { type EChartsCoreOption, init, use } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';

use([
  HeatmapChart,
  LineChart,
  SankeyChart,
  GridComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
]);

export interface ChartProps {
  /** A description for screen readers. */
  readonly label: string;
  readonly option: EChartsCoreOption;
}

/** An ECharts chart that fills its parent and follows its size and the page's colours. */
export function Chart({ label, option }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<ReturnType<typeof init> | null>(null);
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  useEffect(() => {
    if (place.current === null) return;
    const made = init(place.current, scheme === 'dark' ? 'dark' : undefined);
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(place.current);
    return () => {
      observer.disconnect();
      // Delayed: a pending frame would find nothing to paint on.
      requestAnimationFrame(() => requestAnimationFrame(() => made.dispose()));
      chart.current = null;
    };
  }, [scheme]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart of the other scheme is a new one and needs its option
  useEffect(() => {
    chart.current?.setOption(
      { backgroundColor: 'transparent', animation: false, ...option },
      { notMerge: true },
    );
  }, [option, scheme]);
  // Each scheme needs its own element: ECharts would return the chart that is about to be disposed of.
  return (
    <div key={scheme} ref={place} role="img" aria-label={label} style={{ width: '100%', height: '100%' }} />
  );
}
