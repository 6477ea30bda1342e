export function watchTables(_on: (event: { portId: number; what: string }) => void): () => void {
  return () => {};
}
