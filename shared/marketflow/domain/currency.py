"""Which codes are money, and which of them stand for one another."""

from __future__ import annotations

_LIST_ONE = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XCD XCG XDR XOF XPD XPF XPT XSU XUA YER ZAR ZMW ZWG
"""

ISO_4217 = frozenset(_LIST_ONE.split())
"""ISO 4217 list one (https://www.six-group.com/en/products-services/financial-information/data-standards.html) without
bond market units, the testing code and "no currency"; BGN, which ended with 2025, stays for conversions in the past."""

PARITIES = (("USDT", "USD"),)
"""Currencies that are counted as one for one where no pair of the two is known: the first is issued against the second.

They are different currencies, and this is an assumption: a conversion that makes it names it as a leg whose source is
`parity`, and any active pair of the two with a price takes its place.
"""
