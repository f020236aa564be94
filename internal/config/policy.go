package config

// Policy limits whom, when and how much the agent dials. As a limit, 0 means unlimited.
type Policy struct {
	// AllowedCountries are ISO 3166 alpha-2 codes in upper case. Empty means: with twilio only the country of
	// Twilio.FromNumber (the phone-number library knows it, this package does not); with mock any country.
	AllowedCountries           []string
	CallingHours               CallingHours
	MaxCallsPerDay             int
	MaxAttemptsPerNumberPerDay int
	MaxConcurrent              int
	MaxCallSeconds             int  // also Twilio's TimeLimit
	Dialling                   bool // false: no call is placed at all
}

// EffectivePolicy is Policy as it applies to the provider: contract section 5 has the defaults of policy.* for twilio,
// while with mock a limit that nobody set is lifted. It is a copy; changing it changes nothing.
func (c *Config) EffectivePolicy() Policy {
	p := c.Policy
	p.AllowedCountries = append([]string(nil), p.AllowedCountries...)
	if c.Telephony.Provider != ProviderMock {
		return p
	}
	for path, limit := range map[string]*int{
		"policy.max_calls_per_day":               &p.MaxCallsPerDay,
		"policy.max_attempts_per_number_per_day": &p.MaxAttemptsPerNumberPerDay,
		"policy.max_concurrent":                  &p.MaxConcurrent,
		"policy.max_call_seconds":                &p.MaxCallSeconds,
	} {
		if !c.given[path] {
			*limit = 0
		}
	}
	if !c.given["policy.calling_hours"] {
		p.CallingHours = CallingHours{Start: 0, End: endOfDay}
	}
	return p
}
