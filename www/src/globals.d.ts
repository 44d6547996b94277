/** The SHA-256 of the module according to the package (vite.config.ts). */
declare const PACKAGE_DIGEST: string;
/** True in the playground, which no daemon serves (vite.config.ts). */
declare const IS_STATIC: boolean;
