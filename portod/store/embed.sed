# Each line of a text becomes a C string literal.
s/["\\]/\\&/g
s/.*/"&\\n"/
