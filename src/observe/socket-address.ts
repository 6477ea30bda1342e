/**
 * Where a running agent listens: an abstract Unix socket. Its name belongs to the network namespace, as the NAT
 * does, so that there is one agent per namespace (the name is the lock), no file stays behind when the agent is
 * killed, and `ip netns exec NODE knat status` finds the agent of that node.
 */
export const AGENT_SOCKET = '\0knat.agent';
