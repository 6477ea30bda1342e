import type { StoreChoice } from '../../status/stores/store.ts';
import { CliError } from '../cli-error.ts';
import type { SettingValues } from './table.ts';

/** Where podnat-controller's chart runs the server. */
const STATE_URI = 'http://podnat-state-store:80';

/** Where podnat-controller keeps its ConfigMaps unless NAMESPACE says otherwise. */
const STATE_NAMESPACE = 'podnat-controller-system';

/** Where the state is published. */
export interface StoreSettings {
  /** Null: nowhere beside the NodeNAT object. */
  readonly store: StoreChoice | null;
  /** The NodeNAT object is written. */
  readonly nodeStatus: boolean;
}

/** What the options ask for. Throws CliError for options that have no effect together. */
export function storeSettings(values: SettingValues, nodeName: string): StoreSettings {
  const { stateFlavor = 'crd', stateUri, stateNamespace, stateNode: node = nodeName } = values;
  if (stateUri !== undefined && stateFlavor !== 'webdav') {
    throw new CliError('KNAT_USAGE', '--state-uri needs --state-flavor webdav');
  }
  if (stateNamespace !== undefined && stateFlavor !== 'configmap') {
    throw new CliError('KNAT_USAGE', '--state-namespace needs --state-flavor configmap');
  }
  if (stateFlavor === 'configmap' && values.source?.kind !== 'kubernetes') {
    throw new CliError('KNAT_USAGE', '--state-flavor configmap needs --source kubernetes');
  }
  const nodeStatus = values.nodeStatus ?? stateFlavor !== 'none';
  switch (stateFlavor) {
    case 'crd':
    case 'none':
      return { store: null, nodeStatus };
    case 'configmap': {
      const namespace = stateNamespace ?? (process.env.NAMESPACE || STATE_NAMESPACE);
      return { store: { kind: 'configmap', namespace, node }, nodeStatus };
    }
    case 'webdav':
      return { store: { kind: 'webdav', url: stateUri ?? STATE_URI, node }, nodeStatus };
    default:
      return stateFlavor satisfies never;
  }
}
