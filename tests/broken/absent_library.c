/* absent_library.c: the library that missing_library needs and that is not installed. */
void kaon_absent(void);

void kaon_absent(void)
{
}
