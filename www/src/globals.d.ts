/** The SHA-256 of the module, as the package says it (vite.config.ts). */
declare const PACKAGE_DIGEST: string;
