/** DOMPurify with the exports that monaco-editor imports of its own copy; build.mjs puts this in the copy's place. */
import DOMPurify from "dompurify";

export default DOMPurify;
export const { version, isSupported } = DOMPurify;
export const sanitize = DOMPurify.sanitize.bind(DOMPurify);
export const setConfig = DOMPurify.setConfig.bind(DOMPurify);
export const clearConfig = DOMPurify.clearConfig.bind(DOMPurify);
export const isValidAttribute = DOMPurify.isValidAttribute.bind(DOMPurify);
export const addHook = DOMPurify.addHook.bind(DOMPurify);
export const removeHook = DOMPurify.removeHook.bind(DOMPurify);
export const removeHooks = DOMPurify.removeHooks.bind(DOMPurify);
export const removeAllHooks = DOMPurify.removeAllHooks.bind(DOMPurify);
