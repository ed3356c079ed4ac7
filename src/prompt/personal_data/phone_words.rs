//! Words before a number that say whether it is one to call, in many languages; apart by commas, in lower case. Words only.

/// Words right before a number that say what it is.
pub(super) const ANNOUNCEMENTS: &str = "tel,phone,telephone,mobile,cell,cellphone,fax,whatsapp,call me at,call me on,text me at,reach me at,\
    reach me on,ring me on,telefon,telefonnummer,telefonum,handy,handynummer,mobil,rufnummer,téléphone,portable,teléfono,telefono,\
    móvil,celular,telefone,telemóvel,cellulare,telefoon,mobiel,電話,电话,手机,전화,телефон,тел,هاتف,फ़ोन,फोन";
/// Words that say it numbers something else.
pub(super) const OTHER_NUMBERS: &str = "order,invoice,ticket,ref,reference,tracking,case,isbn,issn,imei,sku,ean,serial,part,id,account,\
    version,bestellung,bestellnummer,rechnung,rechnungsnummer,auftrag,auftragsnummer,kundennummer,artikelnummer,kontonummer,commande,\
    facture,pedido,factura,ordine,fattura,zamówienie,заказ,订单,注文";
/// Words between those and the number.
pub(super) const FILLERS: &str = "number,no,nr,num,is,ist,est,es,é,è,番号,号码,号,номер";
