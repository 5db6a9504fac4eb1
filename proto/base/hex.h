/* Hexadecimal digits. Pure; any thread. */
#pragma once

/* 0…15, or −1 for a character that is none. Both cases. */
static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}
