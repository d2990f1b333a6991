"""The currencies that the simulated vendors quote: code, about how many of it one US dollar buys, peg, name."""

from __future__ import annotations

from dataclasses import dataclass

# A peg names the currency against which the number is fixed; without one the currency floats.
_TABLE = """
USD|1|USD|United States Dollar
AED|3.6725|USD|UAE Dirham
AFN|66.2||Afghan Afghani
ALL|83.1||Albanian Lek
AMD|382.4||Armenian Dram
ANG|1.79|USD|Netherlands Antillian Guilder
AOA|919.5||Angolan Kwanza
ARS|1428.6||Argentine Peso
AUD|1.5213||Australian Dollar
AWG|1.79|USD|Aruban Florin
AZN|1.6998||Azerbaijani Manat
BAM|1.95583|EUR|Bosnia and Herzegovina Convertible Mark
BBD|2|USD|Barbados Dollar
BDT|121.8||Bangladeshi Taka
BGN|1.95583|EUR|Bulgarian Lev
BHD|0.376|USD|Bahraini Dinar
BIF|2965.3||Burundian Franc
BMD|1.000004|USD|Bermudian Dollar
BND|1.000003|SGD|Brunei Dollar
BOB|6.9217||Bolivian Boliviano
BRL|5.3871||Brazilian Real
BSD|1.000004|USD|Bahamian Dollar
BTN|1.0000003|INR|Bhutanese Ngultrum
BWP|13.412||Botswana Pula
BYN|3.2339||Belarusian Ruble
BZD|2|USD|Belize Dollar
CAD|1.3938||Canadian Dollar
CDF|2878.4||Congolese Franc
CHF|0.7964||Swiss Franc
CLF|0.02431||Chilean Unidad de Fomento
CLP|971.37||Chilean Peso
CNY|7.1241||Chinese Renminbi
COP|3921.6||Colombian Peso
CRC|503.9||Costa Rican Colon
CUP|24|USD|Cuban Peso
CVE|110.265|EUR|Cape Verdean Escudo
CZK|20.842||Czech Koruna
DJF|177.721|USD|Djiboutian Franc
DKK|7.4604|EUR|Danish Krone
DOP|63.42||Dominican Peso
DZD|129.87||Algerian Dinar
EGP|48.13||Egyptian Pound
ERN|15|USD|Eritrean Nakfa
ETB|142.6||Ethiopian Birr
EUR|0.8542||Euro
FJD|2.2541||Fiji Dollar
FKP|1|GBP|Falkland Islands Pound
FOK|7.4604|EUR|Faroese Krona
GBP|0.7391||Pound Sterling
GEL|2.6987||Georgian Lari
GGP|1|GBP|Guernsey Pound
GHS|12.214||Ghanaian Cedi
GIP|1|GBP|Gibraltar Pound
GMD|72.31||Gambian Dalasi
GNF|8681.2||Guinean Franc
GTQ|7.6602||Guatemalan Quetzal
GYD|209.2||Guyanese Dollar
HKD|7.7912||Hong Kong Dollar
HNL|26.183||Honduran Lempira
HRK|7.5345|EUR|Croatian Kuna
HTG|130.84||Haitian Gourde
HUF|334.1||Hungarian Forint
IDR|16421.5||Indonesian Rupiah
ILS|3.3314||Israeli New Shekel
IMP|1|GBP|Manx Pound
INR|88.117||Indian Rupee
IQD|1309.4||Iraqi Dinar
IRR|42052.3||Iranian Rial
ISK|121.94||Icelandic Krona
JEP|1|GBP|Jersey Pound
JMD|160.4||Jamaican Dollar
JOD|0.709|USD|Jordanian Dinar
JPY|147.42||Japanese Yen
KES|129.2||Kenyan Shilling
KGS|87.42||Kyrgyzstani Som
KHR|4013.7||Cambodian Riel
KID|1.000001|AUD|Kiribati Dollar
KMF|491.96775|EUR|Comorian Franc
KRW|1391.2||South Korean Won
KWD|0.30541||Kuwaiti Dinar
KYD|0.833333|USD|Cayman Islands Dollar
KZT|537.4||Kazakhstani Tenge
LAK|21673.4||Lao Kip
LBP|89500|USD|Lebanese Pound
LKR|301.9||Sri Lankan Rupee
LRD|181.3||Liberian Dollar
LSL|1|ZAR|Lesotho Loti
LYD|5.4112||Libyan Dinar
MAD|9.0214||Moroccan Dirham
MDL|16.642||Moldovan Leu
MGA|4441.8||Malagasy Ariary
MKD|61.495|EUR|Macedonian Denar
MMK|2098.6||Burmese Kyat
MNT|3591.7||Mongolian Togrog
MOP|1.03|HKD|Macanese Pataca
MRU|39.94||Mauritanian Ouguiya
MUR|45.61||Mauritian Rupee
MVR|15.437||Maldivian Rufiyaa
MWK|1739.4||Malawian Kwacha
MXN|18.512||Mexican Peso
MYR|4.2141||Malaysian Ringgit
MZN|63.68||Mozambican Metical
NAD|1|ZAR|Namibian Dollar
NGN|1512.8||Nigerian Naira
NIO|36.753||Nicaraguan Cordoba
NOK|9.9412||Norwegian Krone
NPR|1.6|INR|Nepalese Rupee
NZD|1.6841||New Zealand Dollar
OMR|0.384497|USD|Omani Rial
PAB|1.000004|USD|Panamanian Balboa
PEN|3.4911||Peruvian Sol
PGK|4.1823||Papua New Guinean Kina
PHP|57.213||Philippine Peso
PKR|281.6||Pakistani Rupee
PLN|3.6312||Polish Zloty
PYG|7162.4||Paraguayan Guarani
QAR|3.64|USD|Qatari Riyal
RON|4.3321||Romanian Leu
RSD|100.09||Serbian Dinar
RUB|83.94||Russian Ruble
RWF|1451.2||Rwandan Franc
SAR|3.75|USD|Saudi Riyal
SBD|8.2241||Solomon Islands Dollar
SCR|14.271||Seychellois Rupee
SDG|544.3||Sudanese Pound
SEK|9.3712||Swedish Krona
SGD|1.2839||Singapore Dollar
SHP|1|GBP|Saint Helena Pound
SLE|23.312||Sierra Leonean Leone
SLL|1000|SLE|Sierra Leonean Leone (old)
SOS|571.4||Somali Shilling
SRD|38.942||Surinamese Dollar
SSP|4721.6||South Sudanese Pound
STN|24.5|EUR|Sao Tome and Principe Dobra
SYP|12941.7||Syrian Pound
SZL|1|ZAR|Eswatini Lilangeni
THB|31.821||Thai Baht
TJS|9.4812||Tajikistani Somoni
TMT|3.4998||Turkmenistan Manat
TND|2.9114||Tunisian Dinar
TOP|2.3641||Tongan Pa'anga
TRY|41.97||Turkish Lira
TTD|6.7812||Trinidad and Tobago Dollar
TVD|1.000001|AUD|Tuvaluan Dollar
TWD|30.421||New Taiwan Dollar
TZS|2482.3||Tanzanian Shilling
UAH|41.214||Ukrainian Hryvnia
UGX|3521.9||Ugandan Shilling
UYU|40.03||Uruguayan Peso
UZS|12391.8||Uzbekistani Som
VES|156.4||Venezuelan Bolivar Soberano
VND|26314.6||Vietnamese Dong
VUV|119.7||Vanuatu Vatu
WST|2.7112||Samoan Tala
XAF|655.957|EUR|Central African CFA Franc
XCD|2.7|USD|East Caribbean Dollar
XCG|1.79|USD|Caribbean Guilder
XDR|0.7322||Special Drawing Rights
XOF|655.957|EUR|West African CFA franc
XPF|119.3317|EUR|CFP Franc
YER|239.6||Yemeni Rial
ZAR|17.541||South African Rand
ZMW|23.912||Zambian Kwacha
ZWL|26.74||Zimbabwean Dollar
"""


@dataclass(frozen=True, slots=True)
class Currency:
    """One currency: `rate` units of it are worth one unit of `peg`, or about one US dollar when it floats."""

    code: str
    rate: float
    peg: str | None
    name: str


def _read(line: str) -> Currency:
    code, rate, peg, name = line.split("|")
    return Currency(code, float(rate), peg or None, name)


CURRENCIES: dict[str, Currency] = {
    currency.code: currency for currency in (_read(line) for line in _TABLE.strip().splitlines())
}
"""Every code of ExchangeRate-API, US dollar first, the others in the order of the alphabet."""
