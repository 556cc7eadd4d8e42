/* api/http/date.c — HTTP dates, RFC 9110 section 5.6.7. No locale, no time zone, no C library tables. */
#include "api/http/parse.h"

#include <string.h>

#define DAY_SECONDS 86400
/* 0001-01-01T00:00:00 and 9999-12-31T23:59:59 */
#define DATE_MIN (-62135596800)
#define DATE_MAX 253402300799

static const char date_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char date_days[] = "SunMonTueWedThuFriSat";
static const char *const date_days_long[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
};

struct date_fields {
	int year, month, day, hour, minute, second;    /* month from 1 */
};

/* Days since 1970-01-01 in the Gregorian calendar, for years from 1. Counts in eras of 400 years that begin
 * on 1 March, so that the leap day is the last of a year. */
static int64_t
date_to_days(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void
date_from_days(int64_t days, struct date_fields *out)
{
	days += 719468;
	int64_t era = days / 146097, of_era = days % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	out->day = (int)(of_year - (153 * month + 2) / 5 + 1);
	out->month = (int)(month < 10 ? month + 3 : month - 9);
	out->year = (int)(year + era * 400 + (out->month <= 2));
}

static void
date_put_number(char *out, int digits, int n)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + n % 10);
		n /= 10;
	}
}

void
evrt__http_date_format(int64_t when, char out[EVRT_HTTP_DATE_BYTES])
{
	struct date_fields f;

	when = when < DATE_MIN ? DATE_MIN : when > DATE_MAX ? DATE_MAX : when;
	int64_t second = when % DAY_SECONDS;
	if (second < 0)
		second += DAY_SECONDS;
	int64_t days = (when - second) / DAY_SECONDS;
	int64_t weekday = (days + 719468 + 3) % 7;

	date_from_days(days, &f);
	memcpy(out, "Day, 00 Mon 0000 00:00:00 GMT", EVRT_HTTP_DATE_BYTES);
	memcpy(out, date_days + 3 * weekday, 3);
	date_put_number(out + 5, 2, f.day);
	memcpy(out + 8, date_months + 3 * (f.month - 1), 3);
	date_put_number(out + 12, 4, f.year);
	date_put_number(out + 17, 2, (int)(second / 3600));
	date_put_number(out + 20, 2, (int)(second / 60 % 60));
	date_put_number(out + 23, 2, (int)(second % 60));
}

static int *
date_field_of(struct date_fields *f, char letter)
{
	switch (letter) {
	case 'D':
		return &f->day;
	case 'Y':
		return &f->year;
	case 'h':
		return &f->hour;
	case 'm':
		return &f->minute;
	case 's':
		return &f->second;
	default:
		return NULL;
	}
}

/* The index of the three letters `s` in a string of such names, or -1. */
static int
date_name(const char *names, int count, const char *s)
{
	for (int i = 0; i < count; i++) {
		if (memcmp(s, names + 3 * i, 3) == 0)
			return i;
	}
	return -1;
}

/* Matches `s` against a pattern of its length. Digits: D day, Y year, h m s time, _ a blank instead of the
 * day's leading zero; BBB month; www weekday; everything else stands for itself. */
static int
date_match(const char *pattern, const char *s, size_t len, struct date_fields *f)
{
	memset(f, 0, sizeof(*f));
	if (strlen(pattern) != len)
		return -1;
	for (size_t i = 0; i < len; i++) {
		int *number = date_field_of(f, pattern[i]);
		if (number) {
			if (s[i] < '0' || s[i] > '9')
				return -1;
			*number = *number * 10 + (s[i] - '0');
		} else if (pattern[i] == '_' && s[i] >= '0' && s[i] <= '3') {
			f->day = s[i] - '0';
		} else if (pattern[i] == 'B') {
			f->month = date_name(date_months, 12, s + i) + 1;
			if (f->month == 0)
				return -1;
			i += 2;
		} else if (pattern[i] == 'w') {
			if (date_name(date_days, 7, s + i) < 0)
				return -1;
			i += 2;
		} else if (s[i] != (pattern[i] == '_' ? ' ' : pattern[i])) {
			return -1;
		}
	}
	return 0;
}

/* RFC 850's form, whose weekday is written out and whose year has two digits. */
static int
date_match_rfc850(const char *s, size_t len, int64_t now, struct date_fields *f)
{
	struct date_fields today;

	for (size_t i = 0; i < 7; i++) {
		size_t n = strlen(date_days_long[i]);
		if (len <= n || memcmp(s, date_days_long[i], n) != 0)
			continue;
		if (date_match(", DD-BBB-YY hh:mm:ss GMT", s + n, len - n, f) != 0)
			return -1;
		now = now < 0 ? 0 : now > DATE_MAX ? DATE_MAX : now;
		date_from_days(now / DAY_SECONDS, &today);
		f->year += today.year - today.year % 100;
		/* What seems more than 50 years ahead is the most recent year in the past with these digits. */
		if (f->year > today.year + 50)
			f->year -= 100;
		return 0;
	}
	return -1;
}

static int
date_check(const struct date_fields *f)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (f->year % 4 == 0 && f->year % 100 != 0) || f->year % 400 == 0;
	int days = month_days[f->month - 1] + (leap && f->month == 2);

	/* A leap second counts as the first of the next minute. */
	bool date_exists = f->year >= 1 && f->year <= 9999 && f->day >= 1 && f->day <= days;
	return date_exists && f->hour <= 23 && f->minute <= 59 && f->second <= 60 ? 0 : -1;
}

int
evrt__http_date_parse(const char *s, size_t len, int64_t now, int64_t *when)
{
	struct date_fields f;

	if (date_match("www, DD BBB YYYY hh:mm:ss GMT", s, len, &f) != 0 &&
	    date_match("www BBB _D hh:mm:ss YYYY", s, len, &f) != 0 && date_match_rfc850(s, len, now, &f) != 0)
		return -1;
	if (date_check(&f) != 0)
		return -1;
	*when = date_to_days(f.year, f.month, f.day) * DAY_SECONDS + f.hour * 3600 + f.minute * 60 + f.second;
	return 0;
}
