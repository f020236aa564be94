const absent = () => {
  throw new Error("libsignal is a stub here");
};
exports.deriveSecrets = absent;
exports.decrypt = absent;
exports.encrypt = absent;
exports.calculateMAC = absent;
