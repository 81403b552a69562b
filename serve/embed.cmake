# SPDX-License-Identifier: Apache-2.0
#
# cmake -DIN=FILE -DOUT=FILE.c -DNAME=kith_x -DHEADER=x.h -P embed.cmake: the bytes of IN as kith_x and
# kith_x_n, which the header declares.
file(READ ${IN} bytes HEX)
string(LENGTH "${bytes}" n)
math(EXPR n "${n} / 2")
string(REGEX REPLACE "(................................)" "\\1\n\t" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUT}.new
	"#include \"${HEADER}\"\n\nconst uint8_t ${NAME}[] = {\n\t${bytes}};\nconst size_t ${NAME}_n = ${n};\n")
file(RENAME ${OUT}.new ${OUT})
