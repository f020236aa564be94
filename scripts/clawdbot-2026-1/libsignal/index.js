// In place of libsignal, which npm would fetch from a git server: WhatsApp alone needs it, and
// no WhatsApp is used here.
