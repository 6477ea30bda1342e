import { type Message, NLM_F_CREATE } from '../messages.ts';
import { subscribe } from '../notifications.ts';
import { FlowView } from './flow-view.ts';
import {
  type ConntrackEventKind,
  conntrackGroups,
  IPCTNL_MSG_CT_DELETE,
  IPCTNL_MSG_CT_NEW,
} from './numbers.ts';

/**
 * Calls back for flows that begin, change or end; see `subscribe`. All are shown in one view, which the next event
 * overwrites. A flow that began without a listener may end without an event (net.netfilter.nf_conntrack_events=2).
 * @param lost events were lost: read the table again
 * @param kinds wanted kinds; a kind without a listener costs the packet path nothing
 */
export function watchConntrack(
  listen: (type: ConntrackEventKind, flow: FlowView) => void,
  lost: () => void,
  kinds: readonly ConntrackEventKind[] = Object.keys(conntrackGroups) as ConntrackEventKind[],
): () => void {
  const view = new FlowView();
  const tell = (message: Message) => {
    const type = kindOf(message);
    if (type !== null) listen(type, view.read(message));
  };
  const groups = kinds.map((kind) => conntrackGroups[kind]);
  return subscribe({ protocol: 'NETLINK_NETFILTER', groups, keepsBuffered: true }, tell, lost);
}

function kindOf(message: Message): ConntrackEventKind | null {
  if (message.type === IPCTNL_MSG_CT_DELETE) return 'destroy';
  if (message.type !== IPCTNL_MSG_CT_NEW) return null;
  return (message.flags & NLM_F_CREATE) !== 0 ? 'new' : 'update';
}
