#!/bin/sh
# Chromium that ends with the driver that started it, however that ends.
exec setpriv --pdeathsig KILL /usr/bin/chromium "$@"
