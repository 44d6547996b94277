/** The SHA-256 of the module according to the package (vite.config.ts). */
declare const PACKAGE_DIGEST: string;
