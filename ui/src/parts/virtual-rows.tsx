import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';

export interface Column<Item> {
  readonly heading: string;
  /** As in CSS grid: `2fr`, `90px`. */
  readonly width: string;
  readonly cell: (item: Item) => ReactNode;
}

export interface VirtualRowsProps<Item> {
  readonly label: string;
  readonly items: readonly Item[];
  readonly columns: readonly Column<Item>[];
  readonly keyOf: (item: Item, index: number) => string;
  /** Called when the end becomes visible. */
  readonly onEnd?: (() => void) | undefined;
  readonly height: number | string;
}

const ROW = 30;

/** Only visible rows exist. They are positioned one by one: the elements are no table and need roles. */
export function VirtualRows<Item>({ label, items, columns, keyOf, onEnd, height }: VirtualRowsProps<Item>) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const rows = virtualizer.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= items.length - 20) onEnd?.();
  }, [last, items.length, onEnd]);
  const template = columns
    .map(({ width }) => (width.endsWith('fr') ? `minmax(0, ${width})` : width))
    .join(' ');
  return (
    <div
      role="table"
      aria-label={label}
      aria-rowcount={items.length + 1}
      style={{ height, display: 'flex', flexDirection: 'column' }}
    >
      <div
        role="row"
        tabIndex={-1}
        className="row"
        style={{ gridTemplateColumns: template, height: ROW, fontSize: 12, opacity: 0.7 }}
      >
        {columns.map(({ heading }) => (
          <span role="columnheader" tabIndex={-1} key={heading}>
            {heading}
          </span>
        ))}
      </div>
      <div ref={scroller} className="rows" tabIndex={0} role="rowgroup" style={{ flex: 1, minHeight: 0 }}>
        <div style={{ height: virtualizer.getTotalSize(), position: 'relative' }}>
          {rows.map((row) => {
            const item = items[row.index];
            if (item === undefined) return null;
            return (
              <div
                role="row"
                tabIndex={-1}
                aria-rowindex={row.index + 2}
                className="row"
                key={keyOf(item, row.index)}
                style={{
                  gridTemplateColumns: template,
                  height: ROW,
                  fontSize: 13,
                  position: 'absolute',
                  top: row.start,
                  left: 0,
                  right: 0,
                }}
              >
                {columns.map(({ heading, cell }) => (
                  <span role="cell" key={heading}>
                    {cell(item)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
